"""Spark MLlib's mixture on the same Parquet files, in a process and a virtual machine of its own.

Reads a task as JSON, and writes as JSON where Spark begins from its seed, how long a whole fit
takes from the files to where it ends, how long one of its iterations, and the log likelihood at the
last. Spark is warm by then: what it compiles while it runs is compiled on a part of the data.
"""

import json
import sys
import time

import numpy as np
import psutil
from pyspark.ml.clustering import GaussianMixture
from pyspark.ml.feature import VectorAssembler
from pyspark.sql import SparkSession


def fitted(spark, files, n_components, **options):
    """Return a fit from the files on, and the seconds that it took: the clock's, processors'."""
    begin = now()
    table = spark.read.parquet(files)
    together = VectorAssembler(inputCols=table.columns, outputCol="features").transform(table)
    mixture = GaussianMixture(k=n_components, seed=0, **options)
    model = mixture.fit(together.select("features"))
    return model, now() - begin


def now():
    """Return the seconds of the clock, and those that processors have worked, Java's included."""
    me = psutil.Process()
    worked = sum(sum(each.cpu_times()[:2]) for each in (me, *me.children(recursive=True)))
    return np.array([time.perf_counter(), worked])


def main():
    task = json.load(sys.stdin)
    spark = (
        SparkSession.builder.master(f"local[{task['cores']}]")
        .config("spark.driver.memory", task["memory"])
        .config("spark.ui.enabled", "false")
        .config("spark.log.level", "ERROR")
        .getOrCreate()
    )
    K, folder, few = task["n_components"], task["folder"], task["few"]
    fitted(spark, task["part"], K, maxIter=20, tol=0.0)  # compiled
    start, _ = fitted(spark, folder, K, maxIter=0)
    rows = start.gaussiansDF.collect()
    _, short = fitted(spark, folder, K, maxIter=few, tol=0.0)
    model, whole = fitted(spark, folder, K)  # with the settings that it has by itself
    iterations = model.summary.numIter
    found = {
        "weights": list(start.weights),
        "locs": [row["mean"].toArray().tolist() for row in rows],
        "covariances": [row["cov"].toArray().tolist() for row in rows],
        "whole": whole[0],
        "iterations": iterations,
        "iteration": ((whole - short) / (iterations - few)).tolist(),
        "log_likelihood": model.summary.logLikelihood,
    }
    spark.stop()
    print(json.dumps(found))


main()
