"""Speed, memory and crash measurements of the running product, as ratios to a floor of the same run."""

NAMES = ("intake", "pipeline", "desk", "stream", "start", "crash", "mail")
