// Aws is the Lambda function that rotates tenants' HMAC secrets where AWS drives the
// rotation. It has a module of its own, so that who uses the library does not get
// aws-lambda-go with it.
//
// To deploy it, build it as the file bootstrap, for the runtime provided.al2023:
//
//	cd examples/aws && CGO_ENABLED=0 GOOS=linux GOARCH=arm64 go build -tags lambda.norpc -o bootstrap .
//	zip rotate.zip bootstrap
//	aws lambda create-function --function-name rotate --runtime provided.al2023 --architectures arm64 \
//	    --handler bootstrap --zip-file fileb://rotate.zip --role arn:aws:iam::123456789012:role/rotate --timeout 60 \
//	    --environment 'Variables={TENANTSECRETS_ENVIRONMENT=prod,TENANTSECRETS_SERVICE=formbridge}'
//
// The function's role needs, beside AWSLambdaBasicExecutionRole for its log,
//
//	secretsmanager:DescribeSecret, secretsmanager:GetSecretValue,
//	secretsmanager:PutSecretValue, secretsmanager:UpdateSecretVersionStage
//	    on arn:aws:secretsmanager:*:123456789012:secret:prod/formbridge/*
//	kms:Decrypt, kms:GenerateDataKey
//	    on the key of the secrets, where it is one of your own
//
// Secrets Manager must be allowed to invoke it, for secrets of this account alone:
//
//	aws lambda add-permission --function-name rotate --statement-id secretsmanager \
//	    --action lambda:InvokeFunction --principal secretsmanager.amazonaws.com --source-account 123456789012
//
// Then a secret is rotated at once, and every 30 days from then on, after
//
//	aws secretsmanager rotate-secret --secret-id prod/formbridge/t_abc123/hmac_key \
//	    --rotation-lambda-arn arn:aws:lambda:eu-central-1:123456789012:function:rotate \
//	    --rotation-rules AutomaticallyAfterDays=30
//
// which takes secretsmanager:RotateSecret on the secret and lambda:InvokeFunction on the
// function.
package main

import (
	"context"
	"log"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/rotation"
)

func main() {
	cfg, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	handle, err := newHandler(secretsmanager.NewFromConfig(cfg), tenantsecrets.Naming{
		Environment: os.Getenv("TENANTSECRETS_ENVIRONMENT"),
		Service:     os.Getenv("TENANTSECRETS_SERVICE"),
	})
	if err != nil {
		log.Fatal(err)
	}
	lambda.Start(handle)
}

// api is all that is called of Secrets Manager.
type api interface {
	tenantsecrets.API
	rotation.API
}

// newHandler returns the function that Secrets Manager invokes for every step. The
// client is never closed: it lives as long as the process.
//
// Where a reader has a MaxStale above the default, give rotation.New the largest: a new
// key signs when that reader has seen it. Secrets that another system must be told of
// first, such as API keys, are rotated too where Handler is given a rotation.FarSide.
func newHandler(sm api, naming tenantsecrets.Naming) (func(context.Context, rotation.Event) error, error) {
	client, err := tenantsecrets.New(sm, naming)
	if err != nil {
		return nil, err
	}
	rotator, err := rotation.New(client, sm)
	if err != nil {
		return nil, err
	}
	return rotator.Handler()
}
