// Command secretstest serves AWS Secrets Manager from memory, for people who
// want a local endpoint and for services under test in other processes:
//
//	go run github.com/formbridge/tenantsecrets/secretstest/cmd/secretstest -addr 127.0.0.1:4599
//	AWS_ENDPOINT_URL_SECRETS_MANAGER=http://127.0.0.1:4599 AWS_DEFAULT_REGION=us-east-1 \
//		AWS_ACCESS_KEY_ID=any AWS_SECRET_ACCESS_KEY=any aws secretsmanager list-secrets
//
// # Health and reset
//
// Two paths are the command's own; Secrets Manager itself uses / alone.
//
//	GET /healthz    answers 200 and "ok" as soon as the command serves
//	POST /reset     deletes all secrets of all accounts and Regions, and answers 204
//
// A request that is under way during a reset still sees the secrets from before.
//
// # Two accounts
//
// The flag -account can be repeated. A twelve-digit number is the account of all
// access keys that have none of their own. ACCESSKEY=NUMBER gives an access key
// an account, so that two clients see different secrets:
//
//	secretstest -account AKIDFIRST=111111111111 -account AKIDSECOND=222222222222
//
// Each account has its own secrets, by name. Another account's secret needs its
// ARN, a resource policy that allows the caller, and a KMS key of the secret's
// own, as in AWS. The secret access key can be any text.
//
// # What it does not do
//
// RotateSecret answers that the Lambda function cannot be invoked: a rotation
// function is a Go function, given to secretstest.Backend.RegisterLambda. What
// else a rotation does, PutSecretValue and UpdateSecretVersionStage do here too.
//
// The command stops on an interrupt and loses its secrets. It does not check
// signatures, so it listens on loopback addresses only, unless -remote is given.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/formbridge/tenantsecrets/secretstest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "secretstest:", err)
		os.Exit(1)
	}
}

// run serves until the context ends. It tells the address once it listens.
func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("secretstest", flag.ContinueOnError)
	addr := flags.String("addr", "127.0.0.1:4599", "address to listen on; port 0 picks a free one")
	region := flags.String("region", "us-east-1", "Region of requests without a credential scope")
	var accounts accounts
	flags.Func("account", "`account` of access keys without one of their own, by default 123456789012, or ACCESSKEY=ACCOUNT; can be repeated", accounts.add)
	remote := flags.Bool("remote", false, "allow an address that other machines can reach")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("what is %q? there are flags only", flags.Arg(0))
	}
	if !*remote && !loopback(*addr) {
		return fmt.Errorf("%s is not a loopback address; other machines could read and write all secrets (-remote allows it)", *addr)
	}
	listener, err := net.Listen("tcp", *addr)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "Secrets Manager at http://%s\n", listener.Addr())
	return serve(ctx, listener, newHandler(func(o *secretstest.Options) {
		o.Region, o.Account, o.AccessKeys, o.NoCallLog = *region, accounts.fallback, accounts.byKey, true
	}))
}

// serve serves until the context ends, and then lets the requests under way
// finish.
func serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	patience, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if server.Shutdown(patience) != nil {
		return server.Close()
	}
	return nil
}

// loopback tells whether only this machine can reach an address.
func loopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
