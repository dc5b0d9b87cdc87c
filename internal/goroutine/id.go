// Package goroutine tells goroutines apart, for nothing but to notice misuse:
// a transaction used by a goroutine that did not begin it, or begun inside
// another one.
package goroutine
