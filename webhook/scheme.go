package webhook

import "net/http"

// Scheme is a way to sign webhooks with HMAC-SHA256. It knows which headers carry the
// signatures, the message ID and the timestamp, and what is signed besides the body.
// Everything else is the same for all schemes: limits, timestamps, keys, comparison. A
// Scheme must be safe for concurrent use.
//
// To add a scheme, implement these three methods and read the headers through the
// [Envelope], which refuses what no scheme should accept. To test it, check that a request
// of a [Signer] verifies, and that a request of package webhooktest fails once any byte of
// it is changed.
type Scheme interface {
	// Read reads the signatures from the headers, and the ID and the timestamp if the
	// scheme has them. It must not keep e.
	Read(e *Envelope)

	// AppendPrefix appends to b what is signed before the body, and returns the result. id
	// and timestamp are as Read found them, or empty. It must be unambiguous where the
	// prefix ends and the body begins. A header value that is not in the prefix is not
	// signed.
	AppendPrefix(b []byte, id, timestamp string) []byte

	// Write sets the headers that Read reads. tags has one HMAC of 32 bytes for each live
	// key, the signing key's first. A scheme with a single signature uses the first.
	Write(h http.Header, id, timestamp string, tags [][]byte)
}

// readEnvelope lets the scheme read the headers and returns the first error.
func readEnvelope(s Scheme, e *Envelope, h http.Header) error {
	e.header = h
	s.Read(e)
	if e.wrong == "" && e.count == 0 {
		e.wrong = "the headers contain no well-formed signature of this scheme"
	}
	if e.wrong != "" {
		return malformed(e.wrong)
	}
	return nil
}
