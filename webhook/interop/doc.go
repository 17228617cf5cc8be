// Package interop tests package webhook against other libraries. It is a module of its own,
// so that importers of webhook do not have them in go.sum.
//
// The npm libraries run in Node.js, on loopback. Install them with `npm ci` in this directory.
// With TENANTSECRETS_INTEGRATION=required the tests fail if they are missing, and with
// TENANTSECRETS_DEPTH=full they send more messages.
//
// stricter_test.go and laxer_test.go list what one side refuses and the other accepts. A
// difference that is not listed fails a test, and so does an entry that no message shows.
package interop
