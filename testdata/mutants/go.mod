// The tool of `make mutants`, apart from the product: it needs nothing but Go.
module orka/testdata/mutants

go 1.26.0
