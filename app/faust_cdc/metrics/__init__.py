"""Numbers that a worker shows of itself: histograms and maxima, and Prometheus' text format."""
