"""The grid intelligence client: providers, catalogue, cache, freshness ladder."""
