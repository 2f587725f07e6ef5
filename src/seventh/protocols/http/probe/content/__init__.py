"""What a site's answers say: caching, codings, cookies, errors, descriptions."""
