package main

import (
	"context"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-secretsmanager-caching-go/v2/secretcache"

	"github.com/formbridge/tenantsecrets"
)

// service is Secrets Manager as any engine calls it: a secretstest.Backend, or
// the SDK's client.
type service interface {
	tenantsecrets.API
	secretcache.SecretsManagerAPIClient
}

// meter counts the reads that reach Secrets Manager.
type meter struct {
	service
	describes, values, batches atomic.Int64

	// seen, where it is set, is told of every read of one secret before it is
	// made, and what came of it after.
	seen  func(operation, name string)
	ended func(operation, name string, err error)
}

func (m *meter) calls() int64 { return m.describes.Load() + m.values.Load() + m.batches.Load() }

func (m *meter) DescribeSecret(ctx context.Context, in *secretsmanager.DescribeSecretInput, optFns ...func(*secretsmanager.Options)) (*secretsmanager.DescribeSecretOutput, error) {
	m.describes.Add(1)
	m.see("DescribeSecret", in.SecretId)
	out, err := m.service.DescribeSecret(ctx, in, optFns...)
	m.end("DescribeSecret", in.SecretId, err)
	return out, err
}

func (m *meter) GetSecretValue(ctx context.Context, in *secretsmanager.GetSecretValueInput, optFns ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error) {
	m.values.Add(1)
	m.see("GetSecretValue", in.SecretId)
	out, err := m.service.GetSecretValue(ctx, in, optFns...)
	m.end("GetSecretValue", in.SecretId, err)
	return out, err
}

func (m *meter) BatchGetSecretValue(ctx context.Context, in *secretsmanager.BatchGetSecretValueInput, optFns ...func(*secretsmanager.Options)) (*secretsmanager.BatchGetSecretValueOutput, error) {
	m.batches.Add(1)
	return m.service.BatchGetSecretValue(ctx, in, optFns...)
}

func (m *meter) see(operation string, id *string) {
	if m.seen != nil {
		m.seen(operation, aws.ToString(id))
	}
}

func (m *meter) end(operation string, id *string, err error) {
	if m.ended != nil {
		m.ended(operation, aws.ToString(id), err)
	}
}
