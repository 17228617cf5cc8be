package main

import (
	"encoding/base64"
	"net/http"
	"slices"

	"github.com/google/go-github/v72/github"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	stripe "github.com/stripe/stripe-go/v85/webhook"
	svix "github.com/svix/svix-webhooks/go"

	"github.com/formbridge/tenantsecrets/webhook"
)

// webhookScheme is a scheme of ours and the library of others that knows it too.
type webhookScheme struct {
	webhook.Scheme
	name    string
	hex     bool // the tag; else it is base64
	library string
	open    func(secret string) (libraryVerify, error)
}

// libraryVerify is a library's function, with a key.
type libraryVerify func(http.Header, []byte) error

var webhookSchemes = []webhookScheme{
	{webhook.StandardWebhooks(), "Standard Webhooks", false, "standard-webhooks", openStandard},
	{webhook.Svix(), "Svix", false, "svix", openSvix},
	{webhook.Stripe(), "Stripe", true, "stripe-go", openStripe},
	{webhook.GitHub(), "GitHub", true, "go-github", openGitHub},
}

// Columns of the table.
const (
	ownLibrary     = "the scheme's own library"
	fastestLibrary = "fastest library"
)

// The report names these libraries, and has columns for them where a line has.
func init() {
	compared = append(compared,
		"github.com/standard-webhooks/standard-webhooks/libraries",
		"github.com/svix/svix-webhooks",
		"github.com/stripe/stripe-go/v85",
		"github.com/google/go-github/v72",
	)
	measured := slices.IndexFunc(columns, func(c column) bool { return c.title == "measured" })
	columns = slices.Insert(columns, measured, libraryColumn(ownLibrary), libraryColumn(fastestLibrary))
}

func libraryColumn(name string) column {
	return column{name, func(l line) string { return l.Peers[name] }}
}

// openLibrary tries one key after the other, the newest first: none of the
// libraries knows more than one.
func openLibrary(s *webhookScheme, secrets []string) (libraryVerify, error) {
	each := make([]libraryVerify, len(secrets))
	for i, secret := range secrets {
		var err error
		if each[i], err = s.open(secret); err != nil {
			return nil, err
		}
	}
	return func(h http.Header, body []byte) (err error) {
		for _, verify := range each {
			if err = verify(h, body); err == nil {
				return nil
			}
		}
		return err
	}, nil
}

func openStandard(secret string) (libraryVerify, error) {
	w, err := standardwebhooks.NewWebhook(whsec(secret))
	if err != nil {
		return nil, err
	}
	return func(h http.Header, body []byte) error { return w.Verify(body, h) }, nil
}

func openSvix(secret string) (libraryVerify, error) {
	w, err := svix.NewWebhook(whsec(secret))
	if err != nil {
		return nil, err
	}
	return func(h http.Header, body []byte) error { return w.Verify(body, h) }, nil
}

// openStripe leaves out ConstructEvent, which decodes the body too.
func openStripe(secret string) (libraryVerify, error) {
	return func(h http.Header, body []byte) error {
		return stripe.ValidatePayload(body, h.Get("Stripe-Signature"), secret)
	}, nil
}

// openGitHub leaves out ValidatePayload, which reads the body from a request.
func openGitHub(secret string) (libraryVerify, error) {
	key := []byte(secret)
	return func(h http.Header, body []byte) error {
		return github.ValidateSignature(h.Get(github.SHA256SignatureHeader), body, key)
	}, nil
}

// whsec is a secret as Standard Webhooks hands it out.
func whsec(secret string) string {
	return "whsec_" + base64.StdEncoding.EncodeToString([]byte(secret))
}
