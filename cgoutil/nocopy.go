package cgoutil

// NoCopy makes `go vet` report copies of the struct that embeds it: a handle
// must stay where it is, because C or a cleanup knows it by its address.
type NoCopy struct{}

// Lock and Unlock exist for the copylocks check alone.
func (*NoCopy) Lock()   {}
func (*NoCopy) Unlock() {}
