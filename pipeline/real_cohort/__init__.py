"""A user's file and the map of its columns: a cohort, or every reason why not."""

from pipeline.real_cohort.cohort_map import CohortMap, read_map
from pipeline.real_cohort.measurements import (
    MeasurementMap,
    Measurements,
    SeriesMap,
    read_measurement_map,
    read_measurements,
    read_series,
)
from pipeline.real_cohort.reading import read_cohort

__all__ = [
    "CohortMap",
    "MeasurementMap",
    "Measurements",
    "SeriesMap",
    "read_cohort",
    "read_map",
    "read_measurement_map",
    "read_measurements",
    "read_series",
]
