package webhook

import (
	"encoding/hex"
	"net/http"
)

// TimestampedPair is the plainest scheme with a time in it: X-Signature is the
// hex of timestamp.body, X-Timestamp the time. It signs no message id, and sends
// one signature.
func TimestampedPair() Scheme { return pair{} }

type pair struct{}

const (
	pairTimestamp = "X-Timestamp"
	pairSignature = "X-Signature"
)

func (pair) Read(e *Envelope) {
	e.Timestamp(e.Header(pairTimestamp))
	e.Hex(e.Header(pairSignature))
}

func (pair) AppendPrefix(b []byte, _, timestamp string) []byte {
	return append(append(b, timestamp...), '.')
}

func (pair) Write(h http.Header, _, timestamp string, tags [][]byte) {
	h.Set(pairTimestamp, timestamp)
	h.Set(pairSignature, hex.EncodeToString(tags[0]))
}
