"""A simulated city with ground truth: real MQTT, real RTSP, and the pipeline as it ships."""
