// Package containers holds tests only: a C program reads pools with persistent
// containers that Go has filled, and prints what is in them.
//
// The program knows nothing but what the packages' documentation says of their
// layouts, and ends with an error where a pool is otherwise. It shows that C
// programs can read the containers by that documentation.
//
// A new kind of container gets a source file in folder c, a line in its main.c,
// and a function here that prints the same from Go.
package containers
