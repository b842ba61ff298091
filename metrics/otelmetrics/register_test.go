package otelmetrics_test

import (
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/tidemill/tidemill/metrics/otelmetrics"
	"github.com/tidemill/tidemill/status"
)

type source struct{ status.Worker }

func (s source) Status() status.Worker { return s.Worker }

func TestInstrumentsReadTheStatus(t *testing.T) {
	reader := metric.NewManualReader()
	provider := metric.NewMeterProvider(metric.WithReader(reader))
	w := status.Worker{Application: "app", At: time.Unix(1000, 0), Tasks: []status.Task{{
		ID: "0_1", Processed: 600, Busy: 1500 * time.Millisecond, Inputs: []status.Input{{Topic: "in", Position: 600, End: 650}},
	}}}
	w.Commits.Seconds.Observe(0.25)
	registration, err := otelmetrics.Register(provider, source{w})
	if err != nil {
		t.Fatal(err)
	}
	var out metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	want := map[string]float64{"tidemill.task.processed": 600, "tidemill.task.busy": 1.5, "tidemill.input.lag": 50, "tidemill.commit.count": 1, "tidemill.commit.duration.sum": 0.25}
	for _, m := range out.ScopeMetrics[0].Metrics {
		expected, asked := want[m.Name]
		if !asked {
			continue
		}
		delete(want, m.Name)
		var points []metricdata.DataPoint[float64]
		switch data := m.Data.(type) {
		case metricdata.Sum[float64]:
			points = data.DataPoints
		case metricdata.Gauge[float64]:
			points = data.DataPoints
		}
		if len(points) != 1 || points[0].Value != expected {
			t.Errorf("%s has %v, want %v", m.Name, points, expected)
			continue
		}
		if application, _ := points[0].Attributes.Value(attribute.Key("application")); application.AsString() != "app" {
			t.Errorf("%s has the attributes %v", m.Name, points[0].Attributes)
		}
	}
	for name := range want {
		t.Errorf("there is no %s", name)
	}
	if err := registration.Unregister(); err != nil {
		t.Error(err)
	}
}

func TestNamesAreOpenTelemetrys(t *testing.T) {
	for prometheus, want := range map[string][2]string{
		"tidemill_task_busy_seconds_total":      {"tidemill.task.busy", "s"},
		"tidemill_disk_free_bytes":              {"tidemill.disk.free", "By"},
		"tidemill_task_processed_records_total": {"tidemill.task.processed", "{record}"},
		"tidemill_broker_up":                    {"tidemill.broker.up", "1"},
	} {
		if name, unit := otelmetrics.Name(prometheus); name != want[0] || unit != want[1] {
			t.Errorf("%s: %s in %s, want %v", prometheus, name, unit, want)
		}
	}
}
