// Package cgoutil is what all bindings of this module share: the error type,
// the status that carries a C failure over in one crossing, callback handles,
// C strings, the guard between use and Close, and the leak report.
package cgoutil
