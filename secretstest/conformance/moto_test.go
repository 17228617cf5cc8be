package conformance_test

import (
	"os"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws/retry"

	"github.com/formbridge/tenantsecrets/secretstest/conformance"
)

// TestMoto runs against a moto_server:
//
//	moto_server -H 127.0.0.1 -p 5555 &
//	TENANTSECRETS_MOTO_URL=http://127.0.0.1:5555 go test -v -run TestMoto ./secretstest/conformance
func TestMoto(t *testing.T) {
	url := os.Getenv("TENANTSECRETS_MOTO_URL")
	if url == "" {
		if os.Getenv("TENANTSECRETS_INTEGRATION") == "required" {
			t.Fatal("TENANTSECRETS_MOTO_URL is not set")
		}
		t.Skip("TENANTSECRETS_MOTO_URL is not set")
	}
	conformance.Run(t, conformance.Server{
		Open: func(t *testing.T) conformance.Target {
			return conformance.Target{API: newClient(t, url, firstKey, retry.NewStandard()), Post: poster(url)}
		},
		Departures: motoDepartures,
	})
}
