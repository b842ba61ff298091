package kafkatest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	// startTimeout bounds the start of the container and the broker, an image
	// that has to be pulled included.
	startTimeout = 5 * time.Minute
	// stopTimeout bounds Pause, Unpause and Stop.
	stopTimeout = time.Minute
	// port is the one that clients use, inside of the container.
	port = "9092/tcp"
	// advertised is the file that the container waits for: only when it runs is
	// it known at which port of the host clients reach it.
	advertised = "/tmp/advertised-listeners"
)

// startScript waits for the advertised listeners and becomes the broker. It
// needs nothing of the image but a shell and its usual start command.
const startScript = `until [ -s ` + advertised + ` ]; do sleep 0.1; done
export KAFKA_ADVERTISED_LISTENERS="$(cat ` + advertised + `)"
exec /etc/kafka/docker/run`

// Cluster is one Kafka broker, controller included, in a container. Its methods
// are safe for concurrent use.
type Cluster struct {
	container testcontainers.Container
	addr      string
}

// Start starts a broker of its own and waits until it answers. The caller stops
// it. An error carries the end of the broker's log.
func Start(ctx context.Context, opts ...Option) (*Cluster, error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	container, err := testcontainers.Run(ctx, Image,
		testcontainers.WithEnv(newConfig(opts).environment()),
		testcontainers.WithExposedPorts(port),
		testcontainers.WithEntrypoint("sh", "-c"),
		testcontainers.WithCmd(startScript),
		testcontainers.WithLogger(silent{}),
	)
	if err != nil {
		return nil, fmt.Errorf("kafkatest: start %s (is Docker there?): %w", Image, errors.Join(err, testcontainers.TerminateContainer(container)))
	}
	c := &Cluster{container: container}
	if err := c.serve(ctx); err != nil {
		tail := c.logTail() // the log goes with the container
		return nil, fmt.Errorf("kafkatest: start %s: %w\n%s", Image, errors.Join(err, c.Stop()), tail)
	}
	return c, nil
}

// serve tells the broker where clients reach it and waits until it answers.
func (c *Cluster) serve(ctx context.Context) error {
	host, err := c.container.Host(ctx)
	if err != nil {
		return err
	}
	mapped, err := c.container.MappedPort(ctx, port)
	if err != nil {
		return err
	}
	c.addr = net.JoinHostPort(host, mapped.Port())
	listeners := "PLAINTEXT://" + c.addr + ",BROKER://localhost:9094"
	if err := c.container.CopyToContainer(ctx, []byte(listeners), advertised, 0o644); err != nil {
		return err
	}
	return c.await(ctx)
}

// await returns when the broker has answered.
func (c *Cluster) await(ctx context.Context) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(c.addr))
	if err != nil {
		return err
	}
	defer cl.Close()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		err := cl.Ping(ctx)
		if err == nil {
			return nil
		}
		state, stateErr := c.container.State(ctx)
		if stateErr == nil && !state.Running {
			return fmt.Errorf("the container ended with status %d: %w", state.ExitCode, err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("the broker does not answer: %w", err)
		}
	}
}

// Addrs returns the addresses to give to Kafka clients, as host:port.
func (c *Cluster) Addrs() []string { return []string{c.addr} }

// Pause freezes the broker: connections stay open and nothing is answered.
func (c *Cluster) Pause() error {
	return c.docker("pause", func(ctx context.Context, d *testcontainers.DockerClient, id string) error {
		_, err := d.ContainerPause(ctx, id, client.ContainerPauseOptions{})
		return err
	})
}

// Unpause lets a paused broker go on.
func (c *Cluster) Unpause() error {
	return c.docker("unpause", func(ctx context.Context, d *testcontainers.DockerClient, id string) error {
		_, err := d.ContainerUnpause(ctx, id, client.ContainerUnpauseOptions{})
		return err
	})
}

func (c *Cluster) docker(what string, call func(context.Context, *testcontainers.DockerClient, string) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	d, err := testcontainers.NewDockerClientWithOpts(ctx)
	if err != nil {
		return fmt.Errorf("kafkatest: %s: %w", what, err)
	}
	defer func() { _ = d.Close() }()
	if err := call(ctx, d, c.container.GetContainerID()); err != nil {
		return fmt.Errorf("kafkatest: %s: %w", what, err)
	}
	return nil
}

// Stop kills the broker and removes the container with all its data.
func (c *Cluster) Stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	if err := c.container.Terminate(ctx, testcontainers.StopTimeout(0)); err != nil {
		return fmt.Errorf("kafkatest: stop: %w", err)
	}
	return nil
}

// logTail returns the last of the broker's log, for an error.
func (c *Cluster) logTail() string {
	const most = 4096
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	logs, err := c.container.Logs(ctx)
	if err != nil {
		return "no log: " + err.Error()
	}
	defer logs.Close()
	text, err := io.ReadAll(logs)
	if err != nil {
		return "no log: " + err.Error()
	}
	return string(text[max(0, len(text)-most):])
}

// silent drops what Testcontainers says about each of its steps.
type silent struct{}

// Printf implements the logger of Testcontainers.
func (silent) Printf(string, ...any) {}
