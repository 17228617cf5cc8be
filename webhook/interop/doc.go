// Package interop is the tests of package webhook against libraries of others, in
// a module of its own so that nobody who imports webhook has them in go.sum.
//
// Those of npm run in Node.js, on loopback: `npm ci` in this directory installs
// them. TENANTSECRETS_INTEGRATION=required makes it a failure that they are missing,
// and TENANTSECRETS_DEPTH=full sends more messages.
//
// The tables of what one side refuses and the other takes are in stricter_test.go
// and laxer_test.go. A disagreement that is not in them fails a test, and so does an
// entry that no message shows.
package interop
