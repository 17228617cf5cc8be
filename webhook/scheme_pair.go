package webhook

import (
	"encoding/hex"
	"net/http"
)

// TimestampedPair returns the simplest scheme with a timestamp. X-Timestamp is the
// timestamp, X-Signature the hex HMAC of timestamp.body. The scheme signs no message ID and
// sends a single signature. It is this package's own.
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
