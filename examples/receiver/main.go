// Receiver is the program of the README: it verifies the webhooks that tenants send, with
// the keys that Secrets Manager holds. It takes the AWS configuration of the environment.
//
//	go run ./examples/receiver
package main

import (
	"context"
	"log"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/webhook"
)

func main() {
	cfg, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	handler, err := receiver(secretsmanager.NewFromConfig(cfg))
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{Addr: "127.0.0.1:8080", Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	log.Fatal(server.ListenAndServe())
}

func receiver(api tenantsecrets.API) (http.Handler, error) {
	client, err := tenantsecrets.New(api, tenantsecrets.Naming{Environment: "prod", Service: "formbridge"})
	if err != nil {
		return nil, err
	}
	verifier, err := webhook.New(client) // Standard Webhooks; Options.Scheme for others
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("POST /webhooks/{tenant}", verifier.Middleware(webhook.PathTenant("tenant"))(http.HandlerFunc(handle)))
	return mux, nil
}

// handle runs for verified requests alone. Others get 401, 413 or 503.
func handle(_ http.ResponseWriter, r *http.Request) {
	m, _ := webhook.FromContext(r.Context())
	log.Printf("tenant %s sent message %q", m.Tenant, m.ID) // r.Body holds the whole body
}
