module github.com/pmem/pmdk-go/internal/linearize

go 1.25.0

require (
	github.com/anishathalye/porcupine v1.3.1
	github.com/pmem/pmdk-go v0.0.0
	github.com/stretchr/testify v1.12.1
)

require (
	github.com/mattn/go-pointer v0.0.1 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
	golang.org/x/sys v0.47.0 // indirect
)

replace github.com/pmem/pmdk-go => ../../
