"""Open311 GeoReport v2: what citizens' programs speak, in XML and JSON, over the same incidents as everything else."""
