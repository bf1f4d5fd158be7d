//! The queries of the system templates, with the variables that a dashboard would fill in.

/// One panel.
pub(crate) struct Panel {
    /// The template's id.
    pub(crate) template: &'static str,
    /// The panel's title.
    pub(crate) title: &'static str,
    /// Its queries.
    pub(crate) queries: &'static [&'static str],
}

const fn panel(template: &'static str, title: &'static str, queries: &'static [&'static str]) -> Panel {
    Panel { template, title, queries }
}

/// Puts the workload that the demo has for a template in place of the variables and of `M()`, `P()` and `G()`.
pub(crate) fn fill(template: &str, query: &str) -> String {
    let (namespace, name, pods, model) = match template {
        "model_serving" => ("team-nlp", "granite-8b", "granite-8b-predictor-.*", "granite-3-8b"),
        "model_serving_llm" => ("team-nlp", "mistral-small", "mistral-small-kserve-.*", "mistral-small-24b"),
        "model_serving_knative" => ("team-ranking", "ranker", "ranker-predictor-.*", "ranker"),
        "training_job" => ("team-nlp", "llama-sft", "llama-sft-(master|worker|ps|chief|evaluator|launcher)-[0-9]+", ""),
        "notebook" => ("team-vision", "vision-lab", "vision-lab-0", ""),
        "data_pipeline" => ("team-nlp", "nlp-pipelines", ".*", ""),
        _ => ("", "", "", ""),
    };
    query
        .replace("M()", "namespace=\"$namespace\",model_name=~\"$model\"")
        .replace("P()", "namespace=\"$namespace\",pod=~\"$pods\"")
        .replace("G()", "exported_namespace=\"$namespace\",exported_pod=~\"$pods\"")
        .replace("$__rate_interval", "1m")
        .replace("$__range", "1h")
        .replace("$namespace", namespace)
        .replace("$name", name)
        .replace("$pods", pods)
        .replace("$model", model)
}

/// All of them.
#[rustfmt::skip]
pub(crate) const PANELS: &[Panel] = &[
    panel("model_serving", "Requests per second", &[r#"sum by (model_name)(rate(vllm:request_success_total{M()}[$__rate_interval]))"#]),
    panel("model_serving", "Failed requests", &[r#"100*sum(rate(vllm:request_success_total{M(),finished_reason=~"error|abort"}[$__rate_interval]))/(sum(rate(vllm:request_success_total{M()}[$__rate_interval]))>0)"#]),
    panel("model_serving", "End-to-end latency", &[
        r#"histogram_quantile(0.5,sum by (le)(rate(vllm:e2e_request_latency_seconds_bucket{M()}[$__rate_interval]))) < Inf"#,
        r#"histogram_quantile(0.95,sum by (le)(rate(vllm:e2e_request_latency_seconds_bucket{M()}[$__rate_interval]))) < Inf"#,
        r#"histogram_quantile(0.99,sum by (le)(rate(vllm:e2e_request_latency_seconds_bucket{M()}[$__rate_interval]))) < Inf"#,
    ]),
    panel("model_serving", "Time to first token", &[r#"histogram_quantile(0.95,sum by (le)(rate(vllm:time_to_first_token_seconds_bucket{M()}[$__rate_interval])))"#]),
    panel("model_serving", "Inter-token latency", &[r#"histogram_quantile(0.95,sum by (le)(rate(vllm:inter_token_latency_seconds_bucket{M()}[$__rate_interval]))) or histogram_quantile(0.95,sum by (le)(rate(vllm:time_per_output_token_seconds_bucket{M()}[$__rate_interval])))"#]),
    panel("model_serving", "Running and waiting requests", &[r#"sum(vllm:num_requests_running{M()})"#, r#"sum(vllm:num_requests_waiting{M()})"#]),
    panel("model_serving", "KV cache used", &[r#"max(vllm:kv_cache_usage_perc{M()} or vllm:gpu_cache_usage_perc{M()})"#]),
    panel("model_serving", "Token throughput", &[r#"sum(rate(vllm:prompt_tokens_total{M()}[$__rate_interval]))"#, r#"sum(rate(vllm:generation_tokens_total{M()}[$__rate_interval]))"#]),
    panel("model_serving", "CPU of limit", &[r#"sum(rate(container_cpu_usage_seconds_total{P(),container!="",container!="POD"}[$__rate_interval]))/sum(kube_pod_container_resource_limits{P(),resource="cpu"})"#]),
    panel("model_serving", "Memory of limit", &[r#"sum(container_memory_working_set_bytes{P(),container!="",container!="POD"})/sum(kube_pod_container_resource_limits{P(),resource="memory"})"#]),
    panel("model_serving", "GPU utilisation by replica", &[r#"avg by (exported_pod,gpu)(DCGM_FI_DEV_GPU_UTIL{G()})"#]),
    panel("model_serving", "Ready replicas and restarts", &[r#"sum(kube_pod_status_ready{P(),condition="true"})"#, r#"sum(increase(kube_pod_container_status_restarts_total{P()}[$__range]))"#]),
    panel("model_serving_llm", "Requests per second, scraped twice", &[r#"sum by (model_name,namespace)(rate(vllm:request_success_total{M()}[5m])) or sum by (model_name,namespace)(rate(kserve_vllm:request_success_total{M()}[5m]))"#, r#"sum(rate(kserve_vllm:request_success_total{M()}[5m]))"#]),
    panel("model_serving_llm", "GPU utilisation by replica", &[r#"avg by (exported_pod,gpu)(DCGM_FI_DEV_GPU_UTIL{G()})"#]),
    panel("model_serving_knative", "Knative and the KServe SDK", &[
        r#"sum by (response_code_class)(rate(revision_request_count{P()}[$__rate_interval]))"#,
        r#"histogram_quantile(0.95,sum by(le)(rate(revision_request_latencies_bucket{P()}[$__rate_interval])))/1000"#,
        r#"histogram_quantile(0.95,sum by(le)(rate(request_predict_seconds_bucket{M()}[$__rate_interval])))"#,
    ]),
    panel("training_job", "GPU utilisation by worker", &[r#"avg by (exported_pod,gpu)(DCGM_FI_DEV_GPU_UTIL{G()})"#]),
    panel("training_job", "GPU memory used", &[r#"sum by (exported_pod)(DCGM_FI_DEV_FB_USED{G()})/sum by (exported_pod)(DCGM_FI_DEV_FB_USED{G()}+DCGM_FI_DEV_FB_FREE{G()})"#]),
    panel("training_job", "Tensor-core activity", &[r#"avg(DCGM_FI_PROF_PIPE_TENSOR_ACTIVE{G()})"#]),
    panel("training_job", "Straggler spread", &[r#"max(avg_over_time(DCGM_FI_DEV_GPU_UTIL{G()}[10m]))-min(avg_over_time(DCGM_FI_DEV_GPU_UTIL{G()}[10m]))"#]),
    panel("training_job", "Worker pods by phase", &[r#"sum by (phase)(kube_pod_status_phase{P()}==1)"#]),
    panel("training_job", "Restarts and OOM kills", &[r#"sum(increase(kube_pod_container_status_restarts_total{P()}[$__range]))"#, r#"count(kube_pod_container_status_last_terminated_reason{P(),reason="OOMKilled"}==1) or vector(0)"#, r#"count(kube_pod_container_status_last_terminated_reason{namespace="$namespace",reason="OOMKilled"}==1)"#]),
    panel("training_job", "CPU cores by worker", &[r#"sum by (pod)(rate(container_cpu_usage_seconds_total{P(),container!="",container!="POD"}[$__rate_interval]))"#]),
    panel("training_job", "Memory by worker", &[r#"sum by (pod)(container_memory_working_set_bytes{P(),container!="",container!="POD"})"#]),
    panel("training_job", "Network", &[r#"sum by (pod)(rate(container_network_receive_bytes_total{P()}[$__rate_interval]))"#, r#"sum by (pod)(rate(container_network_transmit_bytes_total{P()}[$__rate_interval]))"#]),
    panel("training_job", "Elapsed", &[r#"time()-min(kube_pod_start_time{P()})"#]),
    panel("training_job", "Queue wait", &[r#"histogram_quantile(0.9,sum by(le)(rate(kueue_local_queue_admission_wait_time_seconds_bucket{exported_namespace="$namespace"}[1h])))"#]),
    panel("training_job", "Jobs by outcome", &[r#"sum by (framework)(training_operator_jobs_created_total{job_namespace="$namespace"})"#, r#"training_operator_jobs_failed_total{job_namespace="$namespace"}"#]),
    panel("notebook", "CPU of limit", &[r#"sum(rate(container_cpu_usage_seconds_total{P(),container!="",container!="POD"}[$__rate_interval]))/sum(kube_pod_container_resource_limits{P(),resource="cpu"})"#]),
    panel("notebook", "Memory of limit", &[r#"sum(container_memory_working_set_bytes{P(),container!="",container!="POD"})/sum(kube_pod_container_resource_limits{P(),resource="memory"})"#]),
    panel("notebook", "CPU throttling", &[r#"sum(rate(container_cpu_cfs_throttled_periods_total{P(),container!=""}[$__rate_interval]))/sum(rate(container_cpu_cfs_periods_total{P(),container!=""}[$__rate_interval]))"#]),
    panel("notebook", "Storage used", &[r#"max((kubelet_volume_stats_used_bytes{namespace="$namespace"}/kubelet_volume_stats_capacity_bytes{namespace="$namespace"}) * on(namespace,persistentvolumeclaim) group_left() group by (namespace,persistentvolumeclaim)(kube_pod_spec_volumes_persistentvolumeclaims_info{P()}))"#]),
    panel("notebook", "Disk I/O", &[r#"sum(rate(container_fs_reads_bytes_total{P(),container=""}[$__rate_interval]))"#, r#"sum(rate(container_fs_writes_bytes_total{P(),container=""}[$__rate_interval]))"#]),
    panel("notebook", "Network", &[r#"sum by (pod)(rate(container_network_receive_bytes_total{P()}[$__rate_interval]))"#]),
    panel("notebook", "GPU utilisation", &[r#"avg by (exported_pod,gpu)(DCGM_FI_DEV_GPU_UTIL{G()})"#]),
    panel("notebook", "Idle GPU hours", &[r#"sum(avg_over_time((DCGM_FI_DEV_GPU_UTIL{G()}<bool 5)[24h:5m]))*24"#]),
    panel("data_pipeline", "Pipeline server ready", &[r#"min(data_science_pipelines_application_ready{dspa_namespace="$namespace",dspa_name=~"$name"})"#]),
    panel("data_pipeline", "Component readiness", &[r#"{__name__=~"data_science_pipelines_application_.*_(ready|available)",dspa_namespace="$namespace"}"#]),
    panel("data_pipeline", "Runs by outcome", &[r#"sum by (phase)(increase(argo_workflows_total_count{namespace="$namespace"}[1d]))"#]),
    panel("data_pipeline", "Failure ratio", &[r#"sum(increase(argo_workflows_total_count{namespace="$namespace",phase=~"Failed|Error"}[1d]))/(sum(increase(argo_workflows_total_count{namespace="$namespace",phase=~"Succeeded|Failed|Error"}[1d]))>=0)"#]),
    panel("data_pipeline", "Step pods by phase", &[r#"sum by (phase)((kube_pod_status_phase{namespace="$namespace"}==1)*on(namespace,pod) group_left() group by (namespace,pod)(kube_pod_labels{namespace="$namespace",label_workflows_argoproj_io_workflow!=""}))"#]),
    panel("data_pipeline", "Slowest steps", &[r#"topk(10,(kube_pod_completion_time{namespace="$namespace"}-on(namespace,pod) kube_pod_start_time{namespace="$namespace"})*on(namespace,pod) group_left(label_workflows_argoproj_io_workflow) kube_pod_labels{namespace="$namespace",label_workflows_argoproj_io_workflow!=""})"#]),
    panel("data_pipeline", "CPU by run", &[r#"topk(10,sum by (label_workflows_argoproj_io_workflow)(rate(container_cpu_usage_seconds_total{namespace="$namespace",container!="",container!="POD"}[$__rate_interval])*on(namespace,pod) group_left(label_workflows_argoproj_io_workflow) kube_pod_labels{namespace="$namespace",label_workflows_argoproj_io_workflow!=""}))"#]),
    panel("data_pipeline", "Pending pods by reason", &[r#"sum by (reason)(argo_workflows_pod_pending_count{namespace="$namespace"}) or sum by (reason)(kube_pod_container_status_waiting_reason{namespace="$namespace"}==1)"#]),
    panel("data_pipeline", "Data moved", &[r#"sum(rate(container_network_receive_bytes_total{namespace="$namespace"}[$__rate_interval])*on(namespace,pod) group_left() group by (namespace,pod)(kube_pod_labels{namespace="$namespace",label_workflows_argoproj_io_workflow!=""}))"#]),
    panel("cluster", "Nodes ready", &[r#"count(max by (node)(kube_node_status_condition{condition="Ready",status="true"}==1))/count(max by (node)(kube_node_status_condition{condition="Ready",status="true"}))"#]),
    panel("cluster", "GPUs allocated", &[r#"sum(kube_pod_container_resource_requests{resource=~"nvidia_com_gpu|amd_com_gpu|habana_ai_gaudi"} * on(namespace,pod) group_left() max by (namespace,pod)(kube_pod_status_phase{phase=~"Pending|Running"}==1))/sum(kube_node_status_allocatable{resource=~"nvidia_com_gpu|amd_com_gpu|habana_ai_gaudi"})"#]),
    panel("cluster", "GPU utilisation", &[r#"avg(DCGM_FI_DEV_GPU_UTIL)"#]),
    panel("cluster", "Allocated but idle GPUs", &[r#"count(avg_over_time(DCGM_FI_DEV_GPU_UTIL{exported_pod!=""}[30m])<5)"#]),
    panel("cluster", "GPU use by project", &[r#"sum by (exported_namespace)(DCGM_FI_DEV_GPU_UTIL{exported_namespace!=""})/100"#]),
    panel("cluster", "Hottest GPU", &[r#"max(DCGM_FI_DEV_GPU_TEMP)"#]),
    panel("cluster", "Power", &[r#"sum by (Hostname)(DCGM_FI_DEV_POWER_USAGE)"#]),
    panel("cluster", "XID errors", &[r#"max by (Hostname,gpu,UUID)(DCGM_FI_DEV_XID_ERRORS>0)"#]),
    panel("cluster", "CPU", &[r#"sum(node_namespace_pod_container:container_cpu_usage_seconds_total:sum_irate)/sum(kube_node_status_allocatable{resource="cpu"})"#]),
    panel("cluster", "Memory", &[r#"sum(container_memory_working_set_bytes{container!="",image!=""})/sum(node_memory_MemTotal_bytes)"#]),
    panel("cluster", "Queued workloads", &[r#"sum by (cluster_queue,status)(kueue_pending_workloads)"#]),
    panel("cluster", "Quota use", &[r#"max by (cluster_queue)(kueue_cluster_queue_resource_usage{resource=~"nvidia.com/gpu|amd.com/gpu"})/max by (cluster_queue)(kueue_cluster_queue_nominal_quota{resource=~"nvidia.com/gpu|amd.com/gpu"})"#]),
];
