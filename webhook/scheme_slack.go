package webhook

import (
	"encoding/hex"
	"net/http"
	"strings"
)

// Slack returns the scheme of Slack. X-Slack-Request-Timestamp is the timestamp,
// X-Slack-Signature is "v0=" and the hex HMAC of v0:timestamp:body. The scheme signs no
// message ID and sends a single signature.
//
// Source: docs.slack.dev/authentication/verifying-requests-from-slack.
func Slack() Scheme { return slack{} }

type slack struct{}

const (
	slackSignature = "X-Slack-Signature"
	slackTimestamp = "X-Slack-Request-Timestamp"
)

func (slack) Read(e *Envelope) {
	e.Timestamp(e.Header(slackTimestamp))
	if tag, ok := strings.CutPrefix(e.Header(slackSignature), "v0="); ok {
		e.Hex(tag)
	}
}

func (slack) AppendPrefix(b []byte, _, timestamp string) []byte {
	b = append(b, "v0:"...)
	return append(append(b, timestamp...), ':')
}

func (slack) Write(h http.Header, _, timestamp string, tags [][]byte) {
	h.Set(slackTimestamp, timestamp)
	h.Set(slackSignature, "v0="+hex.EncodeToString(tags[0]))
}
