package libpmemobj

// SetUserData keeps a value of the program's with the pool, such as caches or
// locks that go with its data, for [Pool.UserData] to return. It replaces the
// value before and lasts until the pool is closed. nil removes it.
//
// The value stays in Go; C code that shares the process has a slot of its own
// (pmemobj_set_user_data), which is not touched.
//
// Implements: pmemobj_set_user_data(3)
func (p *Pool) SetUserData(v any) error {
	if err := p.enterAny("set user data"); err != nil {
		return err
	}
	defer p.leave()
	if v == nil {
		p.userData.Store(nil)
		return nil
	}
	p.userData.Store(&v)
	return nil
}

// UserData returns what SetUserData was given last: nil if nothing was, or
// once the pool is closed. Any goroutine may call it; it takes no lock.
//
// Implements: pmemobj_get_user_data(3)
func (p *Pool) UserData() any {
	if v := p.userData.Load(); v != nil {
		return *v
	}
	return nil
}
