"""Networks as pytrees that standardise their own inputs."""
