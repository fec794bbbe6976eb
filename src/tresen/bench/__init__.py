"""Speed, memory and crash measurements of the running product, as ratios to a floor of the same run."""
