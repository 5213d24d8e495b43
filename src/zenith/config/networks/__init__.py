"""The settings of networks: what all have, and one file for each type (`NETWORKS`)."""
