"""A status page for the public: files that any web server can serve."""
