"""A site's content: caching, codings, cookies, errors, descriptions."""
