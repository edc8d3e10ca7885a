libpostern_a_SOURCES +=
