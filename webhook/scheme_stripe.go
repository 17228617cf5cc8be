package webhook

import (
	"encoding/hex"
	"net/http"
	"strings"
)

// Stripe returns the scheme of Stripe. Stripe-Signature contains one member t, the
// timestamp, and one or more members v1, each the hex HMAC of timestamp.body, as in
// t=1492774577,v1=5257a869…. Other members, such as v0, are ignored. The key is the
// endpoint's secret as it is, "whsec_" included. The scheme signs no message ID.
//
// Source: docs.stripe.com/webhooks, "Verify webhook signatures manually".
func Stripe() Scheme { return stripe{} }

type stripe struct{}

const stripeSignature = "Stripe-Signature"

func (stripe) Read(e *Envelope) {
	times := 0
	for member := range strings.SplitSeq(e.Header(stripeSignature), ",") {
		name, value, ok := strings.Cut(member, "=")
		switch {
		case !ok:
			e.Refuse("a member of Stripe-Signature has no value")
		case name == "t":
			times++
			e.Timestamp(value)
		case name == "v1":
			e.Hex(value)
		}
	}
	if times != 1 {
		e.Refuse("Stripe-Signature does not have exactly one timestamp")
	}
}

func (stripe) AppendPrefix(b []byte, _, timestamp string) []byte {
	return append(append(b, timestamp...), '.')
}

func (stripe) Write(h http.Header, _, timestamp string, tags [][]byte) {
	var value strings.Builder
	value.WriteString("t=" + timestamp)
	for _, tag := range tags {
		value.WriteString(",v1=" + hex.EncodeToString(tag))
	}
	h.Set(stripeSignature, value.String())
}
