package webhook

import (
	"encoding/hex"
	"net/http"
	"strings"
)

// Stripe is the scheme of Stripe: in Stripe-Signature one t and one or more v1,
// as in t=1492774577,v1=5257a869…, of timestamp.body in hex. Other members, such
// as v0, are skipped. The key is the endpoint's secret as it stands, "whsec_"
// included. It signs no message id.
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
			e.Refuse("a member of the header has no value")
		case name == "t":
			times++
			e.Timestamp(value)
		case name == "v1":
			e.Hex(value)
		}
	}
	if times != 1 {
		e.Refuse("there must be one timestamp")
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
