package journal

// group is the goroutines that wait for the same batch to become durable.
type group struct {
	members int           // guarded by the committer's mutex
	done    chan struct{} // closed when the batch is durable, or has failed
	lead    chan struct{} // tells one of them to write the batch
	err     error         // valid when done is closed
}

func newGroup() *group {
	return &group{done: make(chan struct{}), lead: make(chan struct{}, 1)}
}

func (g *group) end(err error) {
	g.err = err
	close(g.done)
}
