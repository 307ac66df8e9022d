"""What to say of chains that do not agree, before anything is said of the posterior."""

from __future__ import annotations

from collections.abc import Sequence

from gmm_core.formatting import count, number, numeral
from gmm_core.posterior.chain_groups import ChainGroups
from gmm_core.posterior.mode_weights import Misled

_NEGLIGIBLE = 0.01
_SAID = 0.05  # a difference of probabilities that is worth a sentence


def apart_words(groups: ChainGroups) -> str:
    """Say which chains are set aside and why; "" where all lie together."""
    if not groups.apart:
        return ""
    others, included = _named(groups.apart), _named(groups.together)
    which = "it is" if len(groups.apart) == 1 else "they are"
    mode = "stayed where a component is empty" if groups.empty else "stayed in another mode"
    return (
        f"Not usable together: {others} {mode}, {number(groups.gap)} lower in log joint, and "
        f"never left; {which} set aside. What follows is of {included} alone. "
    )


def of_which(groups: ChainGroups) -> str:
    """Say which chains something is of where some are set aside; "" where it is of all."""
    if not groups.apart:
        return ""
    aside = "is" if len(groups.apart) == 1 else "are"
    return f"This is of {_named(groups.together)} alone; {_named(groups.apart)} {aside} set aside."


def apart_advice(groups: ChainGroups) -> str:
    """Say what helps where chains stay apart, and what does not."""
    return (
        f"{count(len(groups.apart), 'chain')} of {len(groups.apart) + len(groups.together)} never "
        "met the others, so R-hat over all of them is large, and averages over them would weigh "
        "each mode by how many chains began in it. More draws do not help: a chain that has not "
        "left in all of these will not leave in twice as many. The engine that weighs modes gives "
        "each its share. Fewer components, or priors that keep components from emptying (a larger "
        "concentration), take the other mode away."
    )


def weighed_instead(
    groups: ChainGroups, seen: Sequence[float], draws: int, misled: Misled, added: int = 0
) -> str:
    """Say which chains lay in modes that hold next to nothing, and how all would have misled.

    Parameters
    ----------
    seen : for each chain the share of the posterior that lies where it lay.
    draws : how many draws that is known by, those of which the answer is.
    added : how many modes the chains found that the search for them had not.
    """
    aside = [c for c, share in enumerate(seen) if share < _NEGLIGIBLE]
    text = "The chains do not agree, so the answer is not theirs. "
    if aside:
        largest = max(seen[c] for c in aside)
        least = f"less than {number(100 * max(1 / draws, largest), 1)} %"
        if len(aside) == len(seen):
            text += f"None of them stayed where more than {number(100 * _NEGLIGIBLE, 1)} % lies. "
        else:
            mode = (
                "where a component is empty, in a mode that holds"
                if groups.empty and set(aside) <= set(groups.apart)
                else "in a mode that holds"
            )
            who = _named(tuple(aside))
            text += f"{who[0].upper()}{who[1:]} stayed {mode} {least} of the posterior. "
    elif min(seen) > 1 - _NEGLIGIBLE:
        text += "Each went over nearly all of the posterior, but weighed its parts differently. "
    else:
        shares = ", ".join(f"{number(100 * share, 2)} %" for share in seen)
        text += f"They lay where {shares} of the posterior is: modes compete. "
    text += f"What follows is of {draws:,} draws in which every mode has its own weight. "
    if added:
        modes, them = ("a mode", "it is") if added == 1 else (f"{numeral(added)} modes", "they are")
        text += f"The chains found {modes} that the search had not, and {them} among them. "
    if abs(misled.averaged - misled.weighed) > _SAID:
        i, j = (row + 1 for row in misled.rows)
        text += (
            f"Averaged, the chains would have put rows {i} and {j} together with probability "
            f"{misled.averaged:.2f} instead of {misled.weighed:.2f}. "
        )
    return text


def _named(chains: tuple[int, ...]) -> str:
    names = [str(c + 1) for c in chains]
    if len(names) == 1:
        return f"chain {names[0]}"
    return f"chains {', '.join(names[:-1])} and {names[-1]}"
