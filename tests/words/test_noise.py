"""The noise is named beside the components."""

import numpy as np

import gmm_core as gmm
from gmm_core.mixture import Parameters
from gmm_core.words.fit import point_answer


def test_the_noises_weight_is_said():
    point = Parameters(
        np.array([0.9]), np.zeros((1, 1)), np.ones((1, 1, 1)), np.array(0.1), np.array([8.0])
    )
    sentence = "".join(part.text for part in point_answer(gmm.example("tutorial"), point))
    assert sentence.replace("\u202f", " ").endswith("; 10 % is noise. ")
