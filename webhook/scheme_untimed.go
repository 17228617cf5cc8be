package webhook

import (
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strings"
)

// GitHub is the scheme of GitHub: X-Hub-Signature-256 is "sha256=" and the hex
// of the body's tag. X-Hub-Signature, which is SHA-1, is not looked at.
//
// It signs no time and no message id, X-GitHub-Delivery neither: whoever has seen
// a webhook can send it again for ever. Handle what is in the body once.
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

// Shopify is the scheme of Shopify: X-Shopify-Hmac-Sha256 is the base64 of the
// body's tag. It signs no time and no message id, with what follows from that for
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

// bodyAlone is what the schemes without a time sign.
type bodyAlone struct{}

func (bodyAlone) AppendPrefix(b []byte, _, _ string) []byte { return b }
