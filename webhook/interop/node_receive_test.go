package interop_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/formbridge/tenantsecrets/webhook"
)

// receiver starts a server that verifies with the library, and returns its URL.
func (p npmPeer) receiver(t *testing.T, secret string) string {
	t.Helper()
	n := startNode(t, map[string]string{"library": p.library, "secret": p.handedOut(secret)}, "receive.mjs")
	t.Cleanup(n.stop)
	if !n.output.Scan() {
		t.Fatal("the receiver did not print its address")
	}
	return "http://127.0.0.1:" + n.output.Text()
}

// client signs what it sends if there is a signer.
func client(t *testing.T, signer *webhook.Signer) *http.Client {
	t.Helper()
	base := &http.Transport{}
	t.Cleanup(base.CloseIdleConnections)
	c := &http.Client{Transport: base, Timeout: 10 * time.Second}
	if signer != nil {
		c.Transport = signer.Transport(base, tenant, destination)
	}
	return c
}

// post returns an error unless the message was accepted.
func post(t *testing.T, c *http.Client, url string, h http.Header, body []byte) error {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	if h != nil {
		r.Header = h
	}
	response, err := c.Do(r)
	if err != nil {
		t.Error(err)
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the answer is %d", response.StatusCode)
	}
	return nil
}

// We sign, and they verify: while a key is replaced too, whichever of both they
// know. A scheme with one signature has that of the newer key.
func TestNodeVerifies(t *testing.T) {
	eachNPMPeer(t, func(t *testing.T, p npmPeer) {
		older, newer := newSecret(), newSecret()
		alone, both := p.form.newSigner(t, older), p.form.newSigner(t, newer, older)
		several := p.form.between != ""
		for _, tt := range []struct {
			what    string
			signer  *webhook.Signer
			knows   string
			accepts bool
		}{
			{"one key", alone, older, true},
			{"another key", alone, newer, false},
			{"two keys, and the older is known", both, older, several},
			{"two keys, and the newer is known", both, newer, true},
			{"two keys, and none is known", both, newSecret(), false},
		} {
			url, c := p.receiver(t, tt.knows), client(t, tt.signer)
			for seed := range depth(30) {
				m := newMessage(rand.New(rand.NewPCG(uint64(seed), 4)))
				if p.cannotTake(m.body) {
					continue
				}
				if err := post(t, c, url, nil, m.body); (err == nil) != tt.accepts {
					t.Errorf("%s, seed %d: %v, and accepted should be %v", tt.what, seed, err, tt.accepts)
				}
			}
		}
	})
}

// margin is more than a message is on its way, and than clocks are apart of which
// one counts whole seconds.
const margin = 5 * time.Second

// Both get the same requests: whenever they disagree there is a rule that says why.
func TestNodeDisagreements(t *testing.T) {
	eachNPMPeer(t, func(t *testing.T, p npmPeer) {
		secrets := []string{newSecret(), newSecret(), newSecret()}
		url, c := p.receiver(t, secrets[0]), client(t, nil)
		theirs := func(h http.Header, body []byte) error { return post(t, c, url, h, body) }
		compare(t, p.name, depth(1500), p.form.receiver(t, secrets[0]), theirs, func(r *rand.Rand) sent {
			for {
				if s := newSent(t, r, p.form, margin, secrets[:1+r.IntN(3)]...); s.sendable() {
					return s
				}
			}
		})
	})
}

// sendable tells whether the headers arrive as they are: HTTP has no line breaks in
// them, and no space around them.
func (s sent) sendable() bool {
	for _, values := range s.header {
		for _, value := range values {
			if strings.TrimSpace(value) != value || strings.ContainsFunc(value, func(c rune) bool { return c < ' ' || c > '~' }) {
				return false
			}
		}
	}
	return true
}
