-- База администрирования

-- Настройки системы
CREATE TABLE admin_settings (
  id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
  key VARCHAR(255) UNIQUE NOT NULL,
  value JSONB NOT NULL,
  description TEXT,
  updated_by UUID NOT NULL, -- Ссылка на exchanger_identity.users
  updated_at TIMESTAMP DEFAULT NOW()
);

-- Логи аудита
CREATE TABLE audit_logs (
  id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
  admin_id UUID NOT NULL, -- Ссылка на exchanger_identity.users
  action VARCHAR(255) NOT NULL,
  resource_type VARCHAR(100) NOT NULL,
  resource_id VARCHAR(255),
  old_values JSONB,
  new_values JSONB,
  ip_address INET,
  user_agent TEXT,
  created_at TIMESTAMP DEFAULT NOW()
);

-- Отчеты
CREATE TABLE reports (
  id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
  name VARCHAR(255) NOT NULL,
  type VARCHAR(100) NOT NULL,
  parameters JSONB,
  generated_by UUID NOT NULL,
  generated_at TIMESTAMP DEFAULT NOW(),
  file_path VARCHAR(500)
);

-- Метрики системы
CREATE TABLE system_metrics (
  id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
  metric_name VARCHAR(255) NOT NULL,
  metric_value DECIMAL(18, 8),
  tags JSONB,
  recorded_at TIMESTAMP DEFAULT NOW()
);
