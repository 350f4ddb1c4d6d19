"""One module a resource, one class an operation: parse, call one function, render."""
