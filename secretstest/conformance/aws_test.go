package conformance_test

import (
	"os"
	"testing"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/formbridge/tenantsecrets/secretstest/conformance"
)

// TestAWS runs against the account of the default configuration, which it
// charges for some 200 secrets that are deleted at once:
//
//	TENANTSECRETS_AWS_CONFORMANCE=1 go test -v -run TestAWS ./secretstest/conformance
func TestAWS(t *testing.T) {
	if os.Getenv("TENANTSECRETS_AWS_CONFORMANCE") == "" {
		t.Skip("TENANTSECRETS_AWS_CONFORMANCE is not set")
	}
	cfg, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	client := secretsmanager.NewFromConfig(cfg)
	conformance.Run(t, conformance.Server{Open: func(*testing.T) conformance.Target {
		return conformance.Target{API: client, Lagging: true}
	}})
}
