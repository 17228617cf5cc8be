package webhook

import (
	"encoding/base64"
	"net/http"
	"strings"
)

// StandardWebhooks returns the scheme of Standard Webhooks 1.0.0. Webhook-Signature
// contains one or more signatures, separated by spaces, each "v1," and the base64 HMAC of
// id.timestamp.body. Signatures of other versions are ignored. The libraries of Standard
// Webhooks take TenantSecret.WebhookSecret as their secret.
//
// Source: github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md.
func StandardWebhooks() Scheme { return &standardNames }

// standard is the scheme under one set of header names.
type standard struct{ id, timestamp, signature string }

var (
	standardNames = standard{"Webhook-Id", "Webhook-Timestamp", "Webhook-Signature"}
	svixNames     = standard{"Svix-Id", "Svix-Timestamp", "Svix-Signature"}
)

const standardVersion = "v1,"

func (s *standard) Read(e *Envelope) { s.read(e, e.values(s.id)) }

// read takes the values of the ID's header, so that Svix need not look it up twice.
func (s *standard) read(e *Envelope, ids []string) {
	e.ID(e.single(ids))
	e.Timestamp(e.Header(s.timestamp))
	signatures := e.Header(s.signature)
	for more := true; more; {
		var signature string
		signature, signatures, more = strings.Cut(signatures, " ")
		if tag, ok := strings.CutPrefix(signature, standardVersion); ok {
			e.Base64(tag)
		}
	}
}

func (*standard) AppendPrefix(b []byte, id, timestamp string) []byte {
	b = append(b, id...)
	b = append(b, '.')
	b = append(b, timestamp...)
	return append(b, '.')
}

func (s *standard) Write(h http.Header, id, timestamp string, tags [][]byte) {
	signatures := make([]string, len(tags))
	for i, tag := range tags {
		signatures[i] = standardVersion + base64.StdEncoding.EncodeToString(tag)
	}
	h.Set(s.id, id)
	h.Set(s.timestamp, timestamp)
	h.Set(s.signature, strings.Join(signatures, " "))
}

// Svix returns the scheme of Standard Webhooks with the header names svix-id,
// svix-timestamp and svix-signature. A request with none of them may use the names of
// Standard Webhooks instead. A request with any of them must have all three.
//
// Source: docs.svix.com/receiving/verifying-payloads/how-manual.
func Svix() Scheme { return svix{&svixNames} }

type svix struct{ *standard }

func (s svix) Read(e *Envelope) {
	ids := e.values(s.id)
	if len(ids) == 0 && !e.Has(s.timestamp) && !e.Has(s.signature) {
		standardNames.Read(e)
		return
	}
	s.read(e, ids)
}
