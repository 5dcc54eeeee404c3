"""Many files: found, worked on by several processes or a cluster, and noted in a manifest, so that a run can go on."""
