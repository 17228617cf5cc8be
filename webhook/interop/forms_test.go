package interop_test

import (
	"net/http"
	"strings"

	"github.com/formbridge/tenantsecrets/webhook"
)

// form is a scheme of ours, and what its headers look like.
type form struct {
	scheme webhook.Scheme

	id, timestamp, signature string // headers; "" if there is none

	// The signature header is members with this before each tag, apart by this;
	// empty if the scheme has a single signature.
	before, between string

	hex bool // the tags; else they are base64
}

var (
	standardForm = form{webhook.StandardWebhooks(), "Webhook-Id", "Webhook-Timestamp", "Webhook-Signature", "v1,", " ", false}
	svixForm     = form{webhook.Svix(), "Svix-Id", "Svix-Timestamp", "Svix-Signature", "v1,", " ", false}
	stripeForm   = form{webhook.Stripe(), "", "", "Stripe-Signature", "v1=", ",", true}
	slackForm    = form{webhook.Slack(), "", "X-Slack-Request-Timestamp", "X-Slack-Signature", "v0=", "", true}
	githubForm   = form{webhook.GitHub(), "", "", "X-Hub-Signature-256", "sha256=", "", true}
)

// names are the headers that the scheme has.
func (f form) names() []string {
	names := []string{f.signature}
	for _, name := range []string{f.id, f.timestamp} {
		if name != "" {
			names = append(names, name)
		}
	}
	return names
}

// timed tells whether the scheme signs a time.
func (f form) timed() bool { return f.signature != githubForm.signature }

// members are what the signature header is made of.
func (f form) members(h http.Header) []string {
	if f.between == "" {
		return []string{h.Get(f.signature)}
	}
	return strings.Split(h.Get(f.signature), f.between)
}

// tags are the texts of the signatures.
func (f form) tags(h http.Header) (tags []string) {
	for _, member := range f.members(h) {
		if tag, ok := strings.CutPrefix(member, f.before); ok {
			tags = append(tags, tag)
		}
	}
	return tags
}

// timestamps are the texts of the times, of which there should be one.
func (f form) timestamps(h http.Header) (texts []string) {
	if f.timestamp != "" {
		return []string{h.Get(f.timestamp)}
	}
	for _, member := range f.members(h) {
		if text, ok := strings.CutPrefix(member, "t="); ok && f.timed() {
			texts = append(texts, text)
		}
	}
	return texts
}
