// A file of assembly lets the package declare functions without a body.
