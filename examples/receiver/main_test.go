package main

import (
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/secretstest"
	"github.com/formbridge/tenantsecrets/webhook/webhooktest"
)

// The README shows this program from main on, character for character.
func TestTheREADMEShowsThisProgram(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	_, program, found := strings.Cut(string(source), "func main() {")
	if !found {
		t.Fatal("main.go has no func main")
	}
	if !strings.Contains(string(readme), "```go\nfunc main() {"+program+"```\n") {
		t.Error("the README shows another program than main.go: copy it from func main on")
	}
}

func TestReceiverAnswersASignedRequestAlone(t *testing.T) {
	const tenant, body = "t_abc123", `{"event":"paid"}`
	b := secretstest.New()
	creator, err := tenantsecrets.New(b, tenantsecrets.Naming{Environment: "prod", Service: "formbridge"})
	if err != nil {
		t.Fatal(err)
	}
	defer creator.Close()
	secret, err := creator.CreateTenant(t.Context(), tenant)
	if err != nil {
		t.Fatal(err)
	}
	other, err := tenantsecrets.NewKeyring(tenantsecrets.NewValue(rand.Text()))
	if err != nil {
		t.Fatal(err)
	}
	handler, err := receiver(b)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		what string
		keys tenantsecrets.Keyring
		want int
	}{
		{"the tenant's key", secret.Keys(), http.StatusOK},
		{"another key", other, http.StatusUnauthorized},
	} {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, webhooktest.NewRequest(t, tt.keys, "/webhooks/"+tenant, body))
		if w.Code != tt.want {
			t.Errorf("%s: %d, want %d", tt.what, w.Code, tt.want)
		}
	}
}
