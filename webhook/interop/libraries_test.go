package interop_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/google/go-github/v72/github"
	"github.com/slack-go/slack"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	stripe "github.com/stripe/stripe-go/v85/webhook"
	svix "github.com/svix/svix-webhooks/go"
)

// library is a Go library of others, with a secret. What has no sign verifies only.
type library struct {
	verify verifier
	sign   func(id string, at time.Time, body []byte) (http.Header, error)
}

// whsec is a secret as Standard Webhooks hands it out.
func whsec(secret string) string {
	return "whsec_" + base64.StdEncoding.EncodeToString([]byte(secret))
}

func openStandard(secret string) (library, error) {
	w, err := standardwebhooks.NewWebhook(whsec(secret))
	if err != nil {
		return library{}, err
	}
	return library{bodyFirst(w.Verify), signedAs("webhook-", w.Sign)}, nil
}

func openSvix(secret string) (library, error) {
	w, err := svix.NewWebhook(whsec(secret))
	if err != nil {
		return library{}, err
	}
	return library{bodyFirst(w.Verify), signedAs("svix-", w.Sign)}, nil
}

func bodyFirst(verify func([]byte, http.Header) error) verifier {
	return func(h http.Header, body []byte) error { return verify(body, h) }
}

// signedAs sets the headers, which these libraries leave to their caller.
func signedAs(prefix string, sign func(string, time.Time, []byte) (string, error)) func(string, time.Time, []byte) (http.Header, error) {
	return func(id string, at time.Time, body []byte) (http.Header, error) {
		signature, err := sign(id, at, body)
		h := http.Header{}
		h.Set(prefix+"id", id)
		h.Set(prefix+"timestamp", strconv.FormatInt(at.Unix(), 10))
		h.Set(prefix+"signature", signature)
		return h, err
	}
}

func openStripe(secret string) (library, error) {
	return library{
		verify: func(h http.Header, body []byte) error {
			return stripe.ValidatePayload(body, h.Get("Stripe-Signature"), secret)
		},
		sign: func(_ string, at time.Time, body []byte) (http.Header, error) {
			tag := hex.EncodeToString(stripe.ComputeSignature(at, body, secret))
			return http.Header{"Stripe-Signature": {fmt.Sprintf("t=%d,v1=%s", at.Unix(), tag)}}, nil
		},
	}, nil
}

func openGitHub(secret string) (library, error) {
	return library{verify: func(h http.Header, body []byte) error {
		r, err := http.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
		if err != nil {
			return err
		}
		r.Header = h.Clone()
		r.Header.Set("Content-Type", "application/json")
		_, err = github.ValidatePayload(r, []byte(secret))
		return err
	}}, nil
}

func openSlack(secret string) (library, error) {
	return library{verify: func(h http.Header, body []byte) error {
		v, err := slack.NewSecretsVerifier(h, secret)
		if err != nil {
			return err
		}
		if _, err := v.Write(body); err != nil {
			return err
		}
		return v.Ensure()
	}}, nil
}
