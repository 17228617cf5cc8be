package webhook

import (
	"encoding/base64"
	"net/http"
	"strings"
)

// StandardWebhooks is the scheme of Standard Webhooks 1.0.0: in Webhook-Signature
// one or more "v1," and base64, separated by spaces, of id.timestamp.body. Other
// versions are skipped. Its libraries take TenantSecret.WebhookSecret as the
// secret.
//
// Source: github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md.
func StandardWebhooks() Scheme { return standardNames }

// standard is the scheme under the names that its headers have.
type standard struct{ id, timestamp, signature string }

var (
	standardNames = standard{"Webhook-Id", "Webhook-Timestamp", "Webhook-Signature"}
	svixNames     = standard{"Svix-Id", "Svix-Timestamp", "Svix-Signature"}
)

const standardVersion = "v1,"

func (s standard) Read(e *Envelope) {
	e.ID(e.Header(s.id))
	e.Timestamp(e.Header(s.timestamp))
	for signature := range strings.SplitSeq(e.Header(s.signature), " ") {
		if tag, ok := strings.CutPrefix(signature, standardVersion); ok {
			e.Base64(tag)
		}
	}
}

func (s standard) AppendPrefix(b []byte, id, timestamp string) []byte {
	b = append(b, id...)
	b = append(b, '.')
	b = append(b, timestamp...)
	return append(b, '.')
}

func (s standard) Write(h http.Header, id, timestamp string, tags [][]byte) {
	signatures := make([]string, len(tags))
	for i, tag := range tags {
		signatures[i] = standardVersion + base64.StdEncoding.EncodeToString(tag)
	}
	h.Set(s.id, id)
	h.Set(s.timestamp, timestamp)
	h.Set(s.signature, strings.Join(signatures, " "))
}

// Svix is the scheme of Standard Webhooks under the names svix-id, svix-timestamp
// and svix-signature. A request that has none of these may have the webhook-
// names instead; one that has any of them must have all.
//
// Source: docs.svix.com/receiving/verifying-payloads/how-manual.
func Svix() Scheme { return svix{svixNames} }

type svix struct{ standard }

func (s svix) Read(e *Envelope) {
	if e.Has(s.id) || e.Has(s.timestamp) || e.Has(s.signature) {
		s.standard.Read(e)
		return
	}
	standardNames.Read(e)
}
