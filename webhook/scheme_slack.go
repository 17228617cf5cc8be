package webhook

import (
	"encoding/hex"
	"net/http"
	"strings"
)

// Slack is the scheme of Slack: X-Slack-Signature is "v0=" and the hex of
// v0:timestamp:body, with the time in X-Slack-Request-Timestamp. It signs no
// message id, and sends one signature.
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
