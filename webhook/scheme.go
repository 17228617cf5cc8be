package webhook

import "net/http"

// Scheme is a way to sign webhooks with HMAC-SHA256: where in the headers the
// tags, the message id and the time are, and what is signed beside the body. The
// rest is the same for all: one header of each name, bounds, time, keys,
// comparison. A Scheme is used by any number of goroutines at once.
//
// To add one, write these three methods. What the headers hold goes through the
// [Envelope], which refuses what no scheme should take; a test of the scheme is
// that a [Signer]'s request verifies and that package webhooktest's does not after
// any byte of it is changed.
type Scheme interface {
	// Read finds the tags in the headers, and the id and the timestamp where the
	// scheme has them. It must keep nothing of e.
	Read(e *Envelope)

	// AppendPrefix appends to b what is signed before the body. id and timestamp
	// are as Read found them, or empty. From what it appends and a body, it must be
	// clear where the one ends and the other begins. A header that is not in it
	// is not signed.
	AppendPrefix(b []byte, id, timestamp string) []byte

	// Write sets the headers that Read reads. tags has one tag of 32 bytes per live
	// key, that of the signing key first: a scheme with one signature takes the
	// first.
	Write(h http.Header, id, timestamp string, tags [][]byte)
}
