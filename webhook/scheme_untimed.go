package webhook

import (
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strings"
)

// GitHub returns the scheme of GitHub. X-Hub-Signature-256 is "sha256=" and the hex HMAC of
// the body. X-Hub-Signature, which is SHA-1, is ignored.
//
// The scheme signs no timestamp and no message ID, not even X-GitHub-Delivery. Whoever has
// seen a webhook can send it again at any time, so make the handler idempotent: process
// each event in the body once.
//
// Source: docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries.
func GitHub() Scheme { return github{} }

type github struct{ bodyAlone }

const (
	githubSignature = "X-Hub-Signature-256"
	githubPrefix    = "sha256="
)

func (github) Read(e *Envelope) {
	if tag, ok := strings.CutPrefix(e.Header(githubSignature), githubPrefix); ok {
		e.Hex(tag)
	}
}

func (github) Write(h http.Header, _, _ string, tags [][]byte) {
	h.Set(githubSignature, githubPrefix+hex.EncodeToString(tags[0]))
}

// Shopify returns the scheme of Shopify. X-Shopify-Hmac-Sha256 is the base64 HMAC of the
// body. The scheme signs no timestamp and no message ID, with the same consequences as
// [GitHub].
//
// Source: shopify.dev/docs/apps/build/webhooks/verify-deliveries.
func Shopify() Scheme { return shopify{} }

type shopify struct{ bodyAlone }

const shopifySignature = "X-Shopify-Hmac-Sha256"

func (shopify) Read(e *Envelope) { e.Base64(e.Header(shopifySignature)) }

func (shopify) Write(h http.Header, _, _ string, tags [][]byte) {
	h.Set(shopifySignature, base64.StdEncoding.EncodeToString(tags[0]))
}

// bodyAlone is for the schemes that sign only the body.
type bodyAlone struct{}

func (bodyAlone) AppendPrefix(b []byte, _, _ string) []byte { return b }
